"""What judges: the command line, submission checks, metrics, scoring, store, leaderboard, runner and publisher."""
