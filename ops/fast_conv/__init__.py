"""2-D convolution with few multiplications, by bilinear algorithms (README.md)."""
