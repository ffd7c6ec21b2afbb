"""Replays an exported trial in PyTorch."""

import json
import pathlib

import numpy
import torch
from torch.nn import functional


def layer_of(words, parameters, mask):
    """x → y for one layer but `residual`; `parameters` is consumed."""
    options = dict(zip(words[2::2], map(int, words[3::2])))
    name = words[0]
    if name == "dense":
        weight, bias = parameters.pop(0), parameters.pop(0)

        def dense(x):
            if x.dim() == 4:  # images are flattened with the channels last
                x = x.permute(0, 2, 3, 1)
            return x.reshape(len(x), -1) @ weight + bias

        return dense
    if name == "conv":
        rows, cols, _ = map(int, words[1].split("x"))
        weight, bias = parameters.pop(0), parameters.pop(0)
        kernel = weight.reshape(rows, cols, -1, weight.shape[1]).permute(3, 2, 0, 1)
        return lambda x: functional.conv2d(x, kernel, bias[0], options.get("stride", 1),
                                           options.get("padding", 0))
    if name in ("max_pool", "average_pool"):
        pool = functional.max_pool2d if name == "max_pool" else functional.avg_pool2d
        return lambda x: pool(x, int(words[1]), options.get("stride", int(words[1])))
    if name == "flatten":
        return lambda x: x.permute(0, 2, 3, 1).reshape(len(x), -1)
    if name == "dropout":
        return (lambda x: x) if mask is None else lambda x: x * mask / (1 - float(words[1]))
    if name == "leaky_relu":
        return lambda x: functional.leaky_relu(x, float(words[1]))
    return {"relu": torch.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid,
            "softplus": functional.softplus, "gelu": functional.gelu}[name]


def forward(network, parameters, x, masks):
    rest, masks = list(parameters), list(masks)
    outputs = [x]
    for description in network:
        words = description.split()
        if words[0] == "residual":
            outputs.append(outputs[-1] + outputs[-1 - int(words[1])])
            continue
        mask = masks.pop(0) if words[0] == "dropout" and masks else None
        outputs.append(layer_of(words, rest, mask)(outputs[-1]))
    return outputs[-1]


def loss_of(trial, outputs, targets):
    kind = trial["loss"]
    if kind == "cross_entropy":
        return functional.cross_entropy(outputs, targets,
                                        label_smoothing=trial["label_smoothing"])
    targets = targets.reshape(outputs.shape).to(outputs.dtype)
    if kind == "binary_cross_entropy":
        return functional.binary_cross_entropy_with_logits(outputs, targets)
    if kind == "squared_error":
        return functional.mse_loss(outputs, targets)
    return functional.huber_loss(outputs, targets, delta=trial["huber_delta"])


def optimizer_of(trial, parameters):
    c = trial["configuration"]
    common = {"lr": c["lr"], "weight_decay": c["weight_decay"]}
    kind = trial["optimizer"]
    if kind in ("adam", "adamw"):
        make = torch.optim.Adam if kind == "adam" else torch.optim.AdamW
        return make(parameters, betas=(c["beta1"], c["beta2"]), eps=c["epsilon"], **common)
    if kind == "rmsprop":
        return torch.optim.RMSprop(parameters, alpha=c["decay"], eps=c["epsilon"], **common)
    momentum = 0 if kind == "sgd" else c["momentum"]
    return torch.optim.SGD(parameters, momentum=momentum, nesterov=kind == "nesterov", **common)


def replay(directory, dtype):
    """The validation loss at the end of training."""
    directory = pathlib.Path(directory)
    trial = json.loads((directory / "trial.json").read_text())

    def load(name):
        return numpy.load(directory / f"{name}.npy")

    def images(array):
        x = torch.tensor(array).to(dtype)
        if trial["image"][0] == 0:
            return x
        return x.reshape(-1, *trial["image"]).permute(0, 3, 1, 2)

    x, y = images(load("train_x")), torch.tensor(load("train_y"))
    parameters = [torch.tensor(load(name)).to(dtype).requires_grad_()
                  for name in trial["parameters"]]
    dropouts = sum(line.startswith("dropout") for line in trial["network"])
    masks = [torch.tensor(load(f"dropout{i + 1}")).to(dtype) for i in range(dropouts)]
    optimizer = optimizer_of(trial, parameters)
    c = trial["configuration"]
    indices, offsets = load("batch_indices"), load("batch_offsets")
    for first, last, rate in zip(offsets[:-1], offsets[1:], load("learning_rates")):
        rows = indices[first:last]
        optimizer.zero_grad()
        outputs = forward(trial["network"], parameters, x[rows],
                          [mask[first:last] for mask in masks])
        loss_of(trial, outputs, y[rows]).backward()
        if c["clip_norm"] > 0:
            torch.nn.utils.clip_grad_norm_(parameters, c["clip_norm"])
        if c["l1"] > 0:
            for w in parameters:
                w.grad += c["l1"] * torch.sign(w.detach())
        optimizer.param_groups[0]["lr"] = float(rate)
        optimizer.step()
    with torch.no_grad():
        outputs = forward(trial["network"], parameters, images(load("validation_x")), [])
        return float(loss_of(trial, outputs, torch.tensor(load("validation_y"))))
