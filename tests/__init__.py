"""The tests, in folders that mirror the packages; what several share is in `tests.helpers`."""
