"""Files damaged, runs killed and disks filled, to see that nothing is lost and nothing is wrong."""
