### Receipts, and what verifies them.
