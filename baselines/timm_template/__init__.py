"""Any timm model on any competition of images: linear probe, partly frozen or fine-tuned. A kernel to start from."""
