"""Who stands where: ranking as a pure function, boards made from it, and the board in the terminal."""
