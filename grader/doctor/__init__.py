"""What a competition's self-test needs the judge for: `competition.doctor` knows no judge."""
