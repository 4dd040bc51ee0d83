"""The published site: boards and descriptions as pages that need nothing but a browser."""
