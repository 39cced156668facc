"""CUDA without a GPU: CuPy's double on the host, with which the CuPy backend is tested."""
