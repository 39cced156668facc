"""What a GPU does: ours against PyTorch's masked dense matrices, on the same device, in turns.

``python -m bench.gpu`` measures all parts, or those named, and writes each to
``bench/results/gpu-<part>.md``.
"""
