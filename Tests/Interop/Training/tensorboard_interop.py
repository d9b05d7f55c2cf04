"""Read the event files of an interrupted and resumed training with TensorBoard's own reader.

usage: tensorboard_interop.py --gpt-finetune PROGRAM --tokens FOLDER WORK
"""

import argparse
import json
import math
import pathlib
import shutil

import numpy
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2

from common import run_to

STEPS = 12


def train(program, tokens, run, *, killed_after=None):
    """Trains; the process is killed once it has saved the checkpoint `killed_after`."""
    run_to(killed_after and f"checkpoint-{killed_after}\n", [
        program, tokens, "-o", run, "--layers", "1", "--width", "16", "--heads", "2", "--context",
        "32", "--block-size", "32", "--max-steps", str(STEPS), "--logging-steps", "1",
        "--eval-steps", "3", "--save-steps", "4", "--eval-samples", "3", "--resume"])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--gpt-finetune", required=True)
    parser.add_argument("--tokens", required=True)
    parser.add_argument("work", type=pathlib.Path)
    arguments = parser.parse_args()
    shutil.rmtree(arguments.work, ignore_errors=True)
    run = arguments.work / "run"
    train(arguments.gpt_finetune, arguments.tokens, run, killed_after=8)
    # What kill -9 leaves of a record that was being written.
    (folder,) = (run / "runs").iterdir()
    (first,) = folder.iterdir()
    complete = first.read_bytes()
    first.write_bytes(complete + complete[:30])
    # Steps of the first session that the second repeats.
    shutil.rmtree(run / "checkpoint-8", ignore_errors=True)
    train(arguments.gpt_finetune, arguments.tokens, run)
    assert len(list(folder.iterdir())) == 2

    events = EventAccumulator(str(folder), size_guidance={"scalars": 0, "tensors": 0})
    events.Reload()
    log = json.loads((run / "final/trainer_state.json").read_text())["log_history"]
    expected = {}
    for entry in log:
        for key, value in entry.items():
            if key != "step":
                tag = f"eval/{key[5:]}" if key.startswith("eval_") else f"train/{key}"
                expected.setdefault(tag, []).append((entry["step"], value))
    tags = events.Tags()
    assert set(tags["scalars"]) == {*expected, "train/tokens_per_second"}, tags
    for tag, points in expected.items():
        found = [(event.step, event.value) for event in events.Scalars(tag)]
        # The runtimes of the first session are those of the log, for its state was saved.
        assert len(found) == len(points), (tag, found, points)
        for (step, value), (expected_step, expected_value) in zip(found, points):
            assert step == expected_step, (tag, found, points)
            same = math.isclose(value, numpy.float32(expected_value), rel_tol=1e-6, abs_tol=1e-30)
            assert same or tag.endswith(("runtime", "per_second")), (tag, step, value)
    assert [event.step for event in events.Scalars("train/tokens_per_second")] == [*range(1, STEPS + 1)]
    text = events.Tensors("args/text_summary")[-1].tensor_proto.string_val[0].decode()
    assert '"learning_rate"' in text and text.startswith("```json\n"), text
    samples = events.Tensors("samples/text_summary")
    assert [event.step for event in samples] == [3, 6, 9, 12], samples
    for event in samples:
        assert event.tensor_proto.string_val[0].decode().count("```text\n") == 3, event
    hyperparameters = plugin_data_pb2.HParamsPluginData.FromString(
        events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content)
    assert hyperparameters.session_start_info.hparams["max_steps"].number_value == STEPS
    ending = plugin_data_pb2.HParamsPluginData.FromString(
        events.SummaryMetadata("_hparams_/session_end_info").plugin_data.content)
    assert ending.session_end_info.status == 1
    print(f"tensorboard: {len(expected)} tags of {STEPS} steps in 2 sessions are the log's")


if __name__ == "__main__":
    main()
