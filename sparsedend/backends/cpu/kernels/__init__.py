"""The fused loops of `NumbaBackend`, compiled on first use and kept in Numba's cache.

Arrays are feature-major, ``(features, width)`` in C order, and the width is a whole number of the
tiles given; kernels see them flat. Every parameter's gradient is summed by one thread in a fixed
order, so the result does not depend on the number of threads. Nothing here checks bounds:
structures are checked where they are made (`connectivity.Structure`), indices by `Session`.

Arguments have the same names throughout:

first, last : int
    Which turns of the loop that threads share are to be done; what they are over, the kernel says.
tile : Tile
    How many samples are taken at once.
x : (inputs, width), float32, float64, or uint16 for pixels
    The layer's inputs.
indptr, indices : (rows + 1,), (nnz,)
    The structure, of the synapses in a dendritic layer.
w, b : (nnz,) or (outputs, inputs); (rows,)
    Weights and biases; gw and gb are their gradients.
cable_indptr, c, soma_b : (somata + 1,), (dendrites,), (somata,)
    The tree of cables, their weights, and the somata's biases; gc and soma_gb are the gradients.
slope, soma_slope : number
    Of the leaky ReLU of dendrites and of somata where its argument is negative.
signs : (dendrites, width / 8) uint8
    A bit for each sample: whether the dendrite's pre-activation is above 0.
delta : (outputs, width)
    Gradient of the outputs.
out : (outputs, width), or (inputs, width) for the gradient of the inputs

In their bodies s is a soma, j a dendrite or row, k a synapse, t the first sample of a tile.
"""
