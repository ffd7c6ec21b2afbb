"""Replays an exported trial: the training algorithm, written once for every arithmetic.

Only the files of `numgeom export` are read. An arithmetic has `embed(array)`, `scalar(number)`,
`product(a, b)`, and elementwise `exp`, `log`, `log1p`, `tanh`, `erf` and `sqrt` on NumPy arrays,
and `pi`.
"""

import json
import pathlib
import sys

import numpy


class Layer:
    """y = forward(x); dx = backward(dy) adds the gradients of the layer's own parameters."""

    parameters = ()


class Dense(Layer):
    def __init__(self, arithmetic, weight, bias):
        self.arithmetic, self.parameters = arithmetic, [weight, bias]

    def forward(self, x):
        self.shape = x.shape
        self.x = x.reshape(len(x), -1)
        return self.arithmetic.product(self.x, self.parameters[0]) + self.parameters[1]

    def backward(self, delta):
        self.gradients = [self.arithmetic.product(self.x.T, delta),
                          delta.sum(axis=0, keepdims=True)]
        return self.arithmetic.product(delta, self.parameters[0].T).reshape(self.shape)


class Windows(Layer):
    """Cuts images (N×H×W×C) into windows: N×rows×cols×(K·K)×C; zeros around."""

    def __init__(self, kernel, stride, padding):
        self.kernel, self.stride, self.padding = kernel, stride, padding

    def slices(self, shape):
        rows = (shape[1] - self.kernel[0]) // self.stride + 1
        cols = (shape[2] - self.kernel[1]) // self.stride + 1
        for k in range(self.kernel[0]):
            for l in range(self.kernel[1]):
                yield (slice(None), slice(k, k + self.stride * (rows - 1) + 1, self.stride),
                       slice(l, l + self.stride * (cols - 1) + 1, self.stride))

    def forward(self, x):
        p = self.padding
        padded = numpy.zeros((x.shape[0], x.shape[1] + 2 * p, x.shape[2] + 2 * p, x.shape[3]),
                             dtype=x.dtype)
        padded[:, p:p + x.shape[1], p:p + x.shape[2]] = x
        self.shape, self.padded_shape = x.shape, padded.shape
        return numpy.stack([padded[part] for part in self.slices(padded.shape)], axis=3)

    def backward(self, delta):
        padded = numpy.zeros(self.padded_shape, dtype=delta.dtype)
        for i, part in enumerate(self.slices(self.padded_shape)):
            padded[part] += delta[:, :, :, i]
        p = self.padding
        return padded[:, p:p + self.shape[1], p:p + self.shape[2]]


class Convolution(Layer):
    def __init__(self, arithmetic, windows, weight, bias):
        self.windows, self.dense = windows, Dense(arithmetic, weight, bias)
        self.parameters = self.dense.parameters

    def forward(self, x):
        columns = self.windows.forward(x)
        self.shape = columns.shape
        result = self.dense.forward(columns.reshape(-1, columns.shape[3] * columns.shape[4]))
        return result.reshape(*columns.shape[:3], -1)

    def backward(self, delta):
        back = self.dense.backward(delta.reshape(-1, delta.shape[3]))
        self.gradients = self.dense.gradients
        return self.windows.backward(back.reshape(self.shape))


class AveragePool(Layer):
    def __init__(self, windows):
        self.windows = windows

    def forward(self, x):
        columns = self.windows.forward(x)
        self.count = columns.shape[3]
        return columns.sum(axis=3) / self.count

    def backward(self, delta):
        return self.windows.backward(numpy.stack([delta / self.count] * self.count, axis=3))


class MaxPool(AveragePool):
    def forward(self, x):
        columns = self.windows.forward(x)
        self.first = columns.argmax(axis=3)  # the first of equals
        self.count = columns.shape[3]
        return numpy.take_along_axis(columns, self.first[:, :, :, None], axis=3)[:, :, :, 0]

    def backward(self, delta):
        return self.windows.backward(numpy.stack(
            [numpy.where(self.first == i, delta, 0 * delta) for i in range(self.count)], axis=3))


class Flatten(Layer):
    def forward(self, x):
        self.shape = x.shape
        return x.reshape(len(x), -1)

    def backward(self, delta):
        return delta.reshape(self.shape)


class Dropout(Layer):
    mask = None

    def __init__(self, kept):
        self.kept = kept

    def forward(self, x):
        if self.mask is None:
            return x
        self.factor = self.mask.reshape(x.shape)
        return numpy.where(self.factor, x / self.kept, 0 * x)

    def backward(self, delta):
        return numpy.where(self.factor, delta / self.kept, 0 * delta)


class Residual(Layer):
    """The network adds what is skipped."""

    def __init__(self, skipped):
        self.skipped = skipped


class Elementwise(Layer):
    def __init__(self, value, slope):
        self.value, self.slope = value, slope

    def forward(self, x):
        self.x = x
        return self.value(x)

    def backward(self, delta):
        return delta * self.slope(self.x)


def activation(arithmetic, words):
    """An activation by its words, with its derivative."""
    def sigmoid(x):
        return 1 / (1 + arithmetic.exp(-x))

    def softplus(x):
        return numpy.where(x > 0, x, 0 * x) + arithmetic.log1p(arithmetic.exp(-abs(x)))

    def cdf(x):
        return (1 + arithmetic.erf(x / arithmetic.sqrt(arithmetic.scalar(2.0)))) / 2

    def density(x):
        return arithmetic.exp(-x * x / 2) / arithmetic.sqrt(2 * arithmetic.pi)

    slope = arithmetic.scalar(float(words[1])) if words[0] == "leaky_relu" else 0
    return Elementwise(*{
        "relu": (lambda x: numpy.where(x > 0, x, 0 * x), lambda x: numpy.where(x > 0, 1, 0)),
        "leaky_relu": (lambda x: numpy.where(x > 0, x, slope * x),
                       lambda x: numpy.where(x > 0, 1 + 0 * x, slope + 0 * x)),
        "tanh": (arithmetic.tanh, lambda x: 1 - arithmetic.tanh(x) ** 2),
        "sigmoid": (sigmoid, lambda x: sigmoid(x) * (1 - sigmoid(x))),
        "softplus": (softplus, sigmoid),
        "gelu": (lambda x: x * cdf(x), lambda x: cdf(x) + x * density(x)),
    }[words[0]])


def build(arithmetic, descriptions, parameters):
    """The layers of a network; parameters are taken in order."""
    layers = []
    rest = list(parameters)
    for description in descriptions:
        words = description.split()
        options = dict(zip(words[2::2], map(int, words[3::2])))
        if words[0] == "dense":
            layers.append(Dense(arithmetic, rest.pop(0), rest.pop(0)))
        elif words[0] == "conv":
            kernel = list(map(int, words[1].split("x")))[:2]
            windows = Windows(kernel, options.get("stride", 1), options.get("padding", 0))
            layers.append(Convolution(arithmetic, windows, rest.pop(0), rest.pop(0)))
        elif words[0] in ("max_pool", "average_pool"):
            size = int(words[1])
            windows = Windows([size, size], options.get("stride", size), 0)
            layers.append((MaxPool if words[0] == "max_pool" else AveragePool)(windows))
        elif words[0] == "flatten":
            layers.append(Flatten())
        elif words[0] == "dropout":
            layers.append(Dropout(1 - arithmetic.scalar(float(words[1]))))
        elif words[0] == "residual":
            layers.append(Residual(int(words[1])))
        else:
            layers.append(activation(arithmetic, words))
    return layers


def forward(layers, batch):
    outputs = [batch]
    for layer in layers:
        x = outputs[-1]
        if isinstance(layer, Residual):
            outputs.append(x + outputs[-1 - layer.skipped].reshape(x.shape))
        else:
            outputs.append(layer.forward(x))
    return outputs


def backward(layers, outputs, delta):
    """Gradients of all parameters in order."""
    deltas = [None] * len(outputs)
    deltas[-1] = delta

    def add(i, value):
        value = value.reshape(outputs[i].shape)
        deltas[i] = value if deltas[i] is None else deltas[i] + value

    for i in reversed(range(len(layers))):
        if isinstance(layers[i], Residual):
            add(i, deltas[i + 1])
            add(i - layers[i].skipped, deltas[i + 1])
        else:
            add(i, layers[i].backward(deltas[i + 1]))
    return [g for layer in layers for g in getattr(layer, "gradients", ())]


def cross_entropy(arithmetic, trial, logits, labels):
    """The mean over the batch and its gradient by the logits."""
    rows = numpy.arange(len(labels))
    shifted = logits - logits.max(axis=1, keepdims=True)
    powers = arithmetic.exp(shifted)
    sums = powers.sum(axis=1, keepdims=True)
    smoothing = arithmetic.scalar(trial["label_smoothing"])
    wanted = numpy.full(logits.shape, smoothing / logits.shape[1], dtype=logits.dtype)
    wanted[rows, labels] += 1 - smoothing
    losses = arithmetic.log(sums)[:, 0] - (wanted * shifted).sum(axis=1)
    return losses.sum() / len(labels), (powers / sums - wanted) / len(labels)


def entry_loss(arithmetic, trial, outputs, targets):
    """A mean over all entries, and its gradient."""
    targets = arithmetic.embed(targets.astype(numpy.float32).reshape(outputs.shape))
    e = outputs - targets
    if trial["loss"] == "binary_cross_entropy":
        softplus = numpy.where(outputs > 0, outputs, 0 * outputs) + arithmetic.log1p(
            arithmetic.exp(-abs(outputs)))
        values, slopes = softplus - targets * outputs, 1 / (1 + arithmetic.exp(-outputs)) - targets
    elif trial["loss"] == "squared_error":
        values, slopes = e * e, 2 * e
    else:
        delta = arithmetic.scalar(trial["huber_delta"])
        near = abs(e) <= delta
        values = numpy.where(near, e * e / 2, delta * (abs(e) - delta / 2))
        slopes = numpy.where(near, e, numpy.where(e > 0, delta, -delta))
    return values.sum() / e.size, slopes / e.size


def loss_of(arithmetic, trial, outputs, targets):
    if trial["loss"] == "cross_entropy":
        return cross_entropy(arithmetic, trial, outputs, targets)
    return entry_loss(arithmetic, trial, outputs, targets)


class Optimizer:
    """The updates that include/numgeom/train/optimizer.hpp states."""

    def __init__(self, arithmetic, trial, parameters):
        self.arithmetic, self.kind = arithmetic, trial["optimizer"]
        self.c = {name: arithmetic.scalar(value) for name, value in trial["configuration"].items()}
        self.m = [0 * w for w in parameters]
        self.v = [0 * w for w in parameters]
        self.t = 0

    def clip(self, gradients):
        if not self.c["clip_norm"] > 0:
            return gradients
        norm = self.arithmetic.sqrt(sum((g * g).sum() for g in gradients))
        factor = self.c["clip_norm"] / (norm + self.arithmetic.scalar(1e-6))
        return [g * factor for g in gradients] if factor < 1 else gradients

    def direction(self, i, g, w):
        """What is taken off, times the rate."""
        c, sqrt = self.c, self.arithmetic.sqrt
        if c["l1"] > 0:
            g = g + c["l1"] * (numpy.where(w > 0, 1, 0) - numpy.where(w < 0, 1, 0))
        h = g if self.kind == "adamw" else g + c["weight_decay"] * w
        if self.kind == "sgd":
            return h
        if self.kind in ("momentum", "nesterov"):
            self.m[i] = c["momentum"] * self.m[i] + h
            return self.m[i] if self.kind == "momentum" else h + c["momentum"] * self.m[i]
        if self.kind == "rmsprop":
            self.v[i] = c["decay"] * self.v[i] + (1 - c["decay"]) * h * h
            return h / (sqrt(self.v[i]) + c["epsilon"])
        self.m[i] = c["beta1"] * self.m[i] + (1 - c["beta1"]) * h
        self.v[i] = c["beta2"] * self.v[i] + (1 - c["beta2"]) * h * h
        first, second = 1 - c["beta1"] ** self.t, 1 - c["beta2"] ** self.t
        step = self.m[i] / first / (sqrt(self.v[i] / second) + c["epsilon"])
        return step + c["weight_decay"] * w if self.kind == "adamw" else step

    def step(self, rate, parameters, gradients):
        self.t += 1
        gradients = self.clip(gradients)
        for i, (w, g) in enumerate(zip(parameters, gradients)):
            w[...] = w - rate * self.direction(i, g, w)


def replay(arithmetic, directory):
    """The validation loss at the end of training."""
    directory = pathlib.Path(directory)
    trial = json.loads((directory / "trial.json").read_text())

    def load(name):
        return numpy.load(directory / f"{name}.npy")

    def images(array):
        embedded = arithmetic.embed(array)
        return embedded.reshape(-1, *trial["image"]) if trial["image"][0] > 0 else embedded

    x, y = images(load("train_x")), load("train_y")
    parameters = [arithmetic.embed(load(name)) for name in trial["parameters"]]
    layers = build(arithmetic, trial["network"], parameters)
    dropouts = [layer for layer in layers if isinstance(layer, Dropout)]
    masks = [load(f"dropout{i + 1}") != 0 for i in range(len(dropouts))]
    optimizer = Optimizer(arithmetic, trial, parameters)
    indices, offsets = load("batch_indices"), load("batch_offsets")
    for first, last, rate in zip(offsets[:-1], offsets[1:], load("learning_rates")):
        for layer, mask in zip(dropouts, masks):
            layer.mask = mask[first:last]
        rows = indices[first:last]
        outputs = forward(layers, x[rows])
        _, delta = loss_of(arithmetic, trial, outputs[-1], y[rows])
        optimizer.step(arithmetic.scalar(float(rate)), parameters,
                       backward(layers, outputs, delta))
    for layer in dropouts:
        layer.mask = None
    outputs = forward(layers, images(load("validation_x")))
    return loss_of(arithmetic, trial, outputs[-1], load("validation_y"))[0]


def main(arithmetic, to_text):
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} DIRECTORY")
    print(to_text(replay(arithmetic, sys.argv[1])))
