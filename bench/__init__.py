"""Measured rates of the service on this machine: `make bench`. Trust the ratios, not the absolutes."""
