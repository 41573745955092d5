#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turn a trained model into an image for the engine: manifest, load stream, memories, listing."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))

from csb_rnn import commands, flow
from csb_rnn.machine import config


def main() -> int:
    parser = commands.Parser(description=__doc__)
    parser.add_argument(
        "checkpoint", help=".pt, .safetensors or .npz state dict, .onnx, or .toml description"
    )
    parser.add_argument("--config", required=True, help="name in hdl/configs.toml")
    parser.add_argument(
        "--block",
        default="auto",
        help="block size of the pattern: units of a block are kept together (default: the "
        "checkpoint's; if it has none, the one that costs fewest cycles)",
    )
    parser.add_argument(
        "--sharing",
        help=f"{', '.join(config.SHARING)} (default: what the configuration has built in)",
    )
    parser.add_argument("--compiler", default="default", help=", ".join(flow.COMPILERS))
    parser.add_argument("--streams", type=int, default=1, help="independent streams, 1 to 8")
    parser.add_argument(
        "--calibrate",
        metavar="X.npy",
        help="inputs that set the number formats, float [frames, n]; .npz: an ONNX file's, by name",
    )
    parser.add_argument(
        "--prefix", help="name prefix of the recurrent module; several with commas, in their order"
    )
    parser.add_argument("--cell", help="cell of a state dict, where its shapes do not say it")
    parser.add_argument("--activation", help="of the cell of a torch.nn.RNN: tanh or relu")
    parser.add_argument("--initial", metavar="S.npz", help="initial states: h_l0, c_l0, ...")
    parser.add_argument(
        "--unchecked-source",
        action="store_true",
        help="do not compare the model with the file, run by onnxruntime or torch",
    )
    parser.add_argument("--out", required=True, metavar="DIR", help="folder of the image")
    args = parser.parse_args()
    out = Path(args.out)
    flow.check_out(out)
    built = flow.build(
        args.checkpoint,
        args.config,
        block=args.block,
        sharing=args.sharing,
        compiler=args.compiler,
        streams=args.streams,
        calibrate=None if args.calibrate is None else flow.read_inputs(Path(args.calibrate)),
        prefix=args.prefix,
        cell=args.cell,
        activation=args.activation,
        initial=None if args.initial is None else flow.read_state(Path(args.initial)),
        unchecked=args.unchecked_source,
        say=print,
    )
    m = flow.save(built, out)
    check = m["source_check"]
    if check["tool"]:
        print(f"equals {check['tool']} to {check['difference']:.2g} of the largest value")
    else:
        print(f"not compared with its source: {check['reason']}")
    print(
        f"{args.out}: {m['cell']} {m['inputs']} -> {m['outputs']} on {m['config']['name']}, "
        f"{m['kept_weights']} kept weights, {m['image']['bytes']} bytes, "
        f"{m['predicted']['cycles_per_frame']:g} cycles a frame predicted"
    )
    return commands.OK


if __name__ == "__main__":
    commands.run(main)
