"""Seeds for the fuzzer: fuzz_seeds.py PROGRAM FOLDER."""

import pathlib
import re
import subprocess
import sys

STUDIES = {
    "plain": ('["dense 2", "relu", "dense 3"]', '["fp32", "bf16"]'),
    "dropout": ('["dense 2", "tanh", "dropout 0.5", "dense 3"]', '["fp64"]'),
}
TEXT = """[problem]
dataset = "synthetic"
train = 8
validation = 4
network = {}
[training]
epochs = 2
batch = 4
[native]
precision = {}
[search]
method = "list"
configurations = [ {{ lr = 0.01 }}, {{ lr = 0.1 }} ]
"""

program, folder = sys.argv[1], pathlib.Path(sys.argv[2])
seeds = folder / "seeds"
seeds.mkdir(exist_ok=True)
words = set()
for name, (network, precisions) in STUDIES.items():
    study = folder / f"{name}.toml"
    study.write_text(TEXT.format(network, precisions))
    certificate = folder / f"{name}.json"
    subprocess.run([program, "certify", study, "--certificate", certificate, "--quiet"], check=True,
                   stdout=subprocess.DEVNULL)
    text = certificate.read_text()
    (seeds / name).write_text("d" + text[:text.rindex('\n"sha256"')])
    words |= set(re.findall(r'"[a-z0-9_ :-]{2,40}"', text))
    for array in (folder / f"{name}.inputs").iterdir():
        content = array.read_bytes()
        kind = (b"<f4", b"<f8", b"<i8", b"|u1").index(content[21:24])
        (seeds / f"{kind}.npy").write_bytes(bytes([kind]) + content)
quoted = (word.replace("\\", "\\\\").replace('"', '\\"') for word in sorted(words))
(folder / "words").write_text("".join(f'"{word}"\n' for word in quoted))
