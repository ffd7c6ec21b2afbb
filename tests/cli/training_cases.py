"""Small trainings that together have every layer, loss, optimiser and schedule."""

DIGITS = {"dataset": "digits", "pool": 2}
MLP = ["dense 8", "relu", "dense 10"]
CNN = ["conv 3x3x3 padding 1", "relu", "average_pool 2", "dense 10"]
IMAGE_LAYERS = {
    "conv": ["conv 3x3x2 padding 1", "tanh", "dense 10"],
    "strided conv": ["conv 2x3x3 stride 2 padding 1", "relu", "dense 10"],
    "two convs": ["conv 3x3x3 padding 1", "relu", "conv 2x2x2", "relu", "dense 10"],
    "max_pool": ["conv 3x3x3 padding 1", "max_pool 2", "dense 10"],
    "overlapping max_pool": ["max_pool 2 stride 1", "dense 10"],
    "average_pool": ["conv 3x3x3", "average_pool 2 stride 1", "dense 10"],
    "flatten": ["conv 3x3x2", "flatten", "dense 5", "relu", "dense 10"],
}
ACTIVATIONS = ["relu", "leaky_relu 0.1", "tanh", "sigmoid", "softplus", "gelu", "dropout 0.3"]
LAYERS = {
    **{name: ["dense 8", name, "dense 10"] for name in ACTIVATIONS},
    "residual": ["dense 6", "tanh", "dense 6", "residual 2", "relu", "dense 10"],
    "residual images": ["conv 3x3x2 padding 1", "relu", "conv 3x3x2 padding 1", "residual 2",
                        "average_pool 2", "dense 10"],
    **IMAGE_LAYERS,
}
OPTIMIZERS = {
    "sgd": {"lr": 0.1, "weight_decay": 0.01},
    "momentum": {"lr": 0.03, "weight_decay": 0.01},
    "nesterov": {"lr": 0.03, "weight_decay": 0.01},
    "adam": {"lr": 0.003, "weight_decay": 0.01},
    "adamw": {"lr": 0.003, "weight_decay": 0.1},
    "rmsprop": {"lr": 0.001, "weight_decay": 0.01},
}
LOSSES = {
    "smoothed cross_entropy": {**DIGITS, "network": MLP, "label_smoothing": 0.1},
    "binary_cross_entropy": {"dataset": "breast_cancer", "network": ["dense 5", "relu", "dense 1"],
                             "loss": "binary_cross_entropy"},
    "squared_error": {"dataset": "synthetic_regression", "network": ["dense 6", "tanh", "dense 1"],
                      "loss": "squared_error"},
    "huber": {"dataset": "synthetic_regression", "network": ["dense 6", "relu", "dense 1"],
              "loss": "huber", "huber_delta": 0.7},
}
EXTRAS = {
    "clipped": {"clip_norm": 0.5},
    "l1": {"l1": 0.01},
    "step schedule": {"schedule": "step", "step_epochs": 1, "step_factor": 0.5},
    "cosine schedule": {"schedule": "cosine", "warmup_steps": 2},
    "linear schedule": {"schedule": "linear", "warmup_steps": 1},
}


def case(problem, optimizer, training=()):
    return {"problem": problem, "training": {"optimizer": optimizer, **dict(training)},
            "configuration": OPTIMIZERS[optimizer]}


def all_cases():
    """By name: what a study's [problem] and [training] hold, and its one configuration."""
    cases = {}
    for name, network in LAYERS.items():
        for optimizer in ("sgd", "momentum", "adam"):
            cases[f"{name}, {optimizer}"] = case({**DIGITS, "network": network}, optimizer)
    for name, network in (("MLP", MLP), ("CNN", CNN)):
        for optimizer in OPTIMIZERS:
            cases[f"{name}, {optimizer}"] = case({**DIGITS, "network": network}, optimizer)
        for extra, training in EXTRAS.items():
            for optimizer in ("sgd", "adam"):
                cases[f"{name}, {extra}, {optimizer}"] = case(
                    {**DIGITS, "network": network}, optimizer, training)
    for name, problem in LOSSES.items():
        for optimizer in ("sgd", "adam"):
            cases[f"{name}, {optimizer}"] = case(problem, optimizer)
    return cases


def tables(one, rows, validation, batch, epochs):
    """The tables of the case's study."""
    return {
        "problem": {"train": rows, "validation": validation, "shuffle_seed": 7, **one["problem"]},
        "training": {"batch": batch, "epochs": epochs, "seed": 3, **one["training"]},
        "native": {"precision": ["fp64", "fp32"]},
        "search": {"method": "list", "configurations": [one["configuration"]]},
    }
