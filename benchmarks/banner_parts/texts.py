"""What the evaluation says around its figures."""

from __future__ import annotations

from banner_parts.costs import COMPARED
from banner_parts.deep import BATCH as DEEP_BATCH
from banner_parts.deep import EPOCHS, IMAGES
from banner_parts.settings import BATCH

LEAD = (
    "The evaluation of Banner, Hubara, Hoffer and Soudry, 'Scalable methods for 8-bit training of neural networks' "
    "(NeurIPS 2018), on a data set and for as many epochs as two CPU cores train in an evening; not a repetition of "
    "their figures, which are for ImageNet. Every training runs bit by bit on the machine that its hwconfig describes."
)
FINDINGS = """\
- **8 bits against float32.** Trained for longer, the 8-bit machine with range batch norm ends within half a point of
  float32. It learns more slowly at first, a good point behind after one epoch, and so does float32 with range batch
  norm: what is lost early is the norm's, not the 8 bits'. With ordinary batch norm 8 bits keep up from the first epoch;
  the published code's smaller constant recovers some of it.
- **Bits of the gradient.** On the data path 2 bits don't train at all, 4 bits lose some 8 points, 6 bits one or two,
  and 8 are enough: the shape that the authors' poster shows.
- **Stochastic rounding.** Without it the mean falls a little and the seeds spread by two points: most of a
  heavy-tailed gradient rounds to zero every time.
- **Bifurcation.** With stochastic rounding, one 8-bit copy for both products does as well as an 8-bit and a 16-bit one;
  at 6 and 4 bits the single copy is worse than the two. Without stochastic rounding it costs points at 8 bits, too:
  rounding and the second copy stand in for each other.
- **Few bits of weights.** Ternary and binary weights (activations at 8 bits) lose two to three points, 4-bit weights
  and activations with round-to-nearest on the full range lose ten: there the activations are what hurts.
"""
"""Read off the figures that are kept; a new run may read otherwise."""
ABOUT_LONG = (
    "Test accuracy in percent after the last epoch (10,000 images; one training's standard error is about 0.3 points), "
    "mean over the seeds, and largest less smallest; a training that diverged counts as 0. Recipe and seeds are the "
    f"same for all rows, none was tuned for a row: batch {BATCH}, the workload's rate and cosine, no augmentation. "
    "Cycles, energy and model size are those of one step on that machine by the timing model, not validated against "
    "silicon. The seconds are those of all seeds' training steps on this CPU, one thread each, other work beside them."
)
ABOUT_SHORT = (
    "Few epochs instead, so these are trainings far from their end: they tell what slows learning or breaks it. Each "
    "row changes the 8-bit machine in what its options say and in nothing else."
)
ABOUT_CIFAR = "As on Fashion-MNIST, on CIFAR-10 (10,000 test images), without augmentation."
ABOUT_DEEP = (
    f"Flexpoint (Koster et al., NeurIPS 2017) was shown on a ResNet-110 with ordinary batch norm; here a short run "
    f"of one on {IMAGES:,} images of Fashion-MNIST, batch {DEEP_BATCH}, {EPOCHS} epoch, one seed. It tells "
    "whether the format trains so deep a network, not where accuracy ends."
)
ABOUT_COSTS = (
    "One training step by the timing and energy models: model size, peak training memory (weights, optimizer state, "
    "stashed activations, gradients), cycles, time at 500 MHz and energy; area of datapath and buffers. fp32 has the "
    "area of int8_range_bn, fp32_same_macs as many multipliers. The last three columns are against fp32. Each row is "
    "`accelsim simulate hwconfigs/MACHINE.yaml workloads/NETWORK.yaml --timing-only`; delayed scales are `--set "
    "numerics.ROLE.scale=delayed` for activation and the three layer gradients. Tiles are chosen for time, not for "
    "energy: where the array is the bottleneck, as on fp32, they may move more through DRAM than others would, hidden "
    "in time but not in energy. Not validated against silicon."
)
ABOUT_ACCURACY = (
    "ResNet-20 on Fashion-MNIST after {epochs}. A dot is a seed, the bar their mean, the dotted line float32's mean. "
    "The axis is that of the bulk: what lies far below it is an arrow at the edge with its mean in figures."
)
ABOUT_BITS = (
    "ResNet-20 on Fashion-MNIST after {epochs}; mean and extremes of the seeds. The gradient that goes back through "
    "the layers, with stochastic rounding. Bifurcated: the weights' gradients are computed from a copy of 16 bits. One "
    "copy: from the same number of bits."
)
ABOUT_LOSS = (
    "ResNet-20 on Fashion-MNIST over {epochs}. What the accuracy hides: how much each setting slows learning down."
)
ABOUT_MACHINES = (
    "One training step by the timing and energy models, no epochs, as shares of the float machine of the same area: "
    f"{', '.join(COMPARED.values()).lower()}."
)
ABOUT_LONG_LOSS = (
    "ResNet-20 on Fashion-MNIST over {epochs}, first seed: float32, batch norm, against 8 bits, range batch norm."
)
ABOUT_DEEP_LOSS = f"ResNet-110 on {IMAGES:,} images of Fashion-MNIST over {{epochs}}, by machine."
README = """# {title}

`make reports` writes this page and `index.html` (the same with figures; one file, open it in a browser). It says first
how long it takes, and goes on where it was stopped.

{lead}

## What it shows

{findings}
{sections}

One training of each table as a command; options of a row are added to it with `--set`:

{commands}

Accuracies of trainings are kept in `trainings.csv` and the loss curves in `losses.csv`: a training whose command stands
there isn't repeated, while cycles and energy are worked out anew each time. Delete a row (and `runs/banner`) to train
it again. Rows of seeds `1-3` are the mean of three trainings whose own figures weren't kept.

`python benchmarks/banner.py --cifar10 FOLDER` trains on CIFAR-10 as well; that data set isn't shipped with any package,
so no figures of it are kept here.
"""
