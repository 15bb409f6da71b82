"""The log: entry bytes, the Merkle tree over them, signed notes, and the stores that keep them."""
