"""The authors' way: Keras, dense layers, gradients multiplied with masks, Adam."""

from __future__ import annotations

import os
from functools import partial
from typing import Any

os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from ..machine import available_threads
from ..works import SLOPE, Dendritic
from . import Contestant
from .runner import EPSILON, Trainer


def runner(work: Dendritic, contestant: Contestant) -> Trainer:
    """The work by Keras' layers."""
    tf.config.threading.set_intra_op_parallelism_threads(available_threads())
    tf.config.threading.set_inter_op_parallelism_threads(1)
    return DendriticTrainer(work)


class DendriticTrainer(Trainer):
    """A compiled training step over whole matrices."""

    def __init__(self, work: Dendritic) -> None:
        start = work.draw()
        self.images, self.labels = start.images, start.labels
        leaky = partial(keras.ops.leaky_relu, negative_slope=SLOPE)
        sizes = [len(matrix.bias) for matrix in start.layers]
        hidden = [keras.layers.Dense(size, activation=leaky) for size in sizes[:-1]]
        self.model = keras.Sequential(
            [keras.Input((work.inputs,)), *hidden, keras.layers.Dense(sizes[-1])]
        )
        self.model.set_weights([a for m in start.layers for a in (m.dense().T, m.bias)])
        self.masks = [
            tf.constant(a) for m in start.layers for a in (m.mask().T, np.ones_like(m.bias))
        ]
        self.optimizer = keras.optimizers.Adam(1e-3, epsilon=EPSILON)
        self.optimizer.build(self.model.trainable_variables)
        self.train, self.call = tf.function(self.one_step), tf.function(self.of_bytes)
        self.begin(work, start.images)

    def placed(self, images: NDArray) -> Any:
        """Images as a tensor."""
        return tf.constant(images)

    def of_bytes(self, images: Any) -> Any:
        """Logits of bytes."""
        return self.model(tf.cast(images, tf.float32) / 255)

    def one_step(self, images: Any, labels: Any) -> Any:
        """Loss of a batch, whose masked gradients change the weights."""
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(labels, self.of_bytes(images))
            )
        variables = self.model.trainable_variables
        gradients = tape.gradient(loss, variables)
        masked = [g * mask for g, mask in zip(gradients, self.masks, strict=True)]
        self.optimizer.apply_gradients(zip(masked, variables, strict=True))
        return loss

    def logits(self, images: Any) -> NDArray:
        """Logits by the compiled model."""
        return self.call(images).numpy()

    def step(self, order: NDArray) -> float:
        """One step."""
        return float(self.train(self.images[order], self.labels[order]))
