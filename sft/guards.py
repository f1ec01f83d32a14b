"""What ends a run early and still loses nothing: signals, a loss that is no number, a GPU that is too small."""

import signal
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any

import torch
from accelerate.utils import gather_object
from transformers import TrainerCallback

from sft.options import Options

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(Exception):
    """A signal ended the run after a whole step; its checkpoint is written."""

    def __init__(self, number: int, step: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name} after step {step}, checkpoint-{step} is written")
        self.exit_code = 128 + number


class StopOnSignal(TrainerCallback):
    """SIGINT and SIGTERM let the step finish, save a checkpoint, and end the training; a second one kills at once.

    With several processes they agree after each step, so that all of them stop at the same one.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._before: dict[int, Any] = {}

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        try:
            self._before = {number: signal.signal(number, self._note) for number in _SIGNALS}
        except ValueError:  # not the main thread: whoever runs us there handles signals
            self._before = {}

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
        received = self.received
        if args.world_size > 1:
            received = next((number for number in gather_object([received]) if number is not None), None)
        if received is not None:
            self.received = received
            control.should_log = control.should_save = control.should_training_stop = True
        return control

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.restore()

    def restore(self) -> None:
        """Give the signals back to whoever had them."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.received = number
        self.restore()


def deaf(loader: Any) -> None:
    """Make a data loader's processes leave signals to the run's own process.

    A terminal and a scheduler signal them all at once; without its workers the run could not finish its step.
    """
    plain = getattr(loader, "base_dataloader", loader)  # accelerate wraps it
    plain.worker_init_fn = partial(_start_deaf, plain.worker_init_fn)


def _start_deaf(start: Callable[[int], None] | None, worker: int) -> None:
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    if start is not None:
        start(worker)


def out_of_memory(options: Options, pixel_limits: bool, release: Callable[[], None] = torch.cuda.empty_cache) -> str:
    """What to change after a GPU ran out of memory: the first of the settings that leaves the result as it is."""
    release()
    if options.batch_size > 1:
        half = options.batch_size // 2
        accumulate = -(-options.batch_size * options.grad_accum // half)
        cure = f"--batch_size {half} --grad_accum {accumulate} trains the same with about half the memory"
    elif not options.gradient_checkpointing:
        cure = "--gradient_checkpointing true trains the same, slower"
    elif options.tuning == "full":
        cure = "--tuning lora, in a new run, needs no optimiser state for the whole model"
    elif pixel_limits:
        cure = "a lower --max_pixels, in a new run, makes images shorter (evaluate with the same)"
    else:
        cure = "use a smaller model"
    return f"the GPU ran out of memory with --batch_size {options.batch_size}: {cure}"
