"""Formulas as optimizers, activations, losses and users write them."""

import numpy as np

from sparsedend.backends.formulas import where


def adam(p, g, m, v, rate, decay, share1, share2, epsilon):
    m = m + share1 * (g - m)
    v = v + share2 * (g * g - v)
    return p - (rate * m / (np.sqrt(v) + epsilon) + decay * p), m, v


def nesterov(p, g, velocity, rate, decay, momentum):
    velocity = momentum * velocity + g
    return p - rate * (g + momentum * velocity) - decay * p, velocity


def leaky(x, slope):
    return where(x > 0, x, slope * x)


def leaky_gradient(y, delta, slope):
    return delta * where(y > 0, 1, slope)


def relu_gradient(y, delta):
    return delta * (y > 0)


def tanh_gradient(y, delta):
    return delta * (1 - y * y)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softplus(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-abs(x)))


def softplus_gradient(y, delta):
    return delta * -np.expm1(-y)


def everything(a, b, c):
    """Whatever may be in a formula and is in no other."""
    positive = abs(a) + 0.5
    total = np.log(positive) + positive**b + positive**2 + positive**0.5 + positive**-1 + a**1
    total = total - np.sign(b) * np.minimum(a, b) / np.square(positive) + np.float64(0.1) * c
    chosen = (a > b) & (b <= c) | ~(a >= c) & np.logical_not(b == c)
    return where(chosen, total, +c), (a < b) * 2.0 + (a != b), -a


def huber(output, target, threshold):
    error = output - target
    inside = abs(error) <= threshold
    value = where(inside, 0.5 * error * error, threshold * (abs(error) - 0.5 * threshold))
    return value, np.minimum(np.maximum(error, -threshold), threshold), abs(error) < 0.5


def sigmoid_cross_entropy(output, target):
    value = np.maximum(output, 0) - output * target + np.log1p(np.exp(-abs(output)))
    return value, 0.5 + 0.5 * np.tanh(0.5 * output) - target, (output > 0) == (target > 0.5)


#: By name: the formula, and how many inputs, outputs, rates and numbers it has.
FORMULAS = {
    "adam": (adam, 4, 3, 2, 3),
    "nesterov": (nesterov, 3, 2, 2, 1),
    "leaky": (leaky, 1, 1, 0, 1),
    "leaky_gradient": (leaky_gradient, 2, 1, 0, 1),
    "relu_gradient": (relu_gradient, 2, 1, 0, 0),
    "tanh": (np.tanh, 1, 1, 0, 0),
    "tanh_gradient": (tanh_gradient, 2, 1, 0, 0),
    "sigmoid": (sigmoid, 1, 1, 0, 0),
    "softplus": (softplus, 1, 1, 0, 0),
    "softplus_gradient": (softplus_gradient, 2, 1, 0, 0),
    "everything": (everything, 3, 3, 0, 0),
}
LOSSES = {"huber": (huber, 1), "sigmoid_cross_entropy": (sigmoid_cross_entropy, 0)}
