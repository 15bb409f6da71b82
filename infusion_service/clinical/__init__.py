"""The pure clinical core: no I/O, clock, randomness or asyncio; ids and time are arguments."""
