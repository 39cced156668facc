"""The authors' way: Keras, dense layers, gradients multiplied with masks, Adam."""

from __future__ import annotations

from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from sparsedend.backends.numpy_backend import available_threads

from ..works import CLASSES, SLOPE, Dendritic, batches
from .ours import EPSILON
from .runner import Cycle, Runner, dense, log_softmax


def runner(work: Dendritic, variant: str) -> Runner:
    """The work by Keras' layers; `variant` is not used."""
    tf.config.threading.set_intra_op_parallelism_threads(available_threads())
    tf.config.threading.set_inter_op_parallelism_threads(1)
    return DendriticRunner(work)


class DendriticRunner(Runner):
    """A compiled training step over whole matrices."""

    def __init__(self, work: Dendritic) -> None:
        start = work.draw()
        self.images, self.labels = start.images, start.labels
        self.orders = batches(start, work.batch)
        leaky = partial(keras.ops.leaky_relu, negative_slope=SLOPE)
        self.model = keras.Sequential(
            [
                keras.Input((work.inputs,)),
                keras.layers.Dense(work.size, activation=leaky),
                keras.layers.Dense(work.somata, activation=leaky),
                keras.layers.Dense(CLASSES),
            ]
        )
        ones = np.ones_like
        matrices = [
            (dense(start.synapses, start.synapse_weights), start.dendrite_bias),
            (dense(start.cables, start.cable_weights), start.soma_bias),
            (start.class_weights, start.class_bias),
        ]
        masks = [
            dense(start.synapses, ones(start.synapse_weights)),
            dense(start.cables, ones(start.cable_weights)),
            ones(start.class_weights),
        ]
        self.model.set_weights([a for w, b in matrices for a in (w.T, b)])
        self.masks = [
            tf.constant(a)
            for mask, (_, bias) in zip(masks, matrices, strict=True)
            for a in (mask.T, ones(bias))
        ]
        self.optimizer = keras.optimizers.Adam(1e-3, epsilon=EPSILON)
        self.optimizer.build(self.model.trainable_variables)
        self.train = tf.function(self.one_step)
        self.call = tf.function(self.logits)
        if work.task == "inference":
            request = tf.constant(self.images[self.orders[0]])
            self.parts = {"inference": lambda: self.call(request).numpy().argmax(1)}
            return
        self.steps = Cycle(self.step, self.orders)
        self.parts = {"step": self.steps}

    def logits(self, images: Any) -> Any:
        """Logits of bytes."""
        return self.model(tf.cast(images, tf.float32) / 255)

    def one_step(self, images: Any, labels: Any) -> Any:
        """Loss of a batch, whose masked gradients change the weights."""
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(labels, self.logits(images))
            )
        variables = self.model.trainable_variables
        gradients = tape.gradient(loss, variables)
        masked = [g * mask for g, mask in zip(gradients, self.masks, strict=True)]
        self.optimizer.apply_gradients(zip(masked, variables, strict=True))
        return loss

    def step(self, order: NDArray) -> float:
        """One step."""
        return float(self.train(self.images[order], self.labels[order]))

    def outputs(self) -> NDArray:
        """Log-probabilities."""
        return log_softmax(self.call(self.images[self.orders[0]]).numpy())

    def proof(self) -> NDArray | None:
        """Losses."""
        return self.steps.losses() if "step" in self.parts else None
