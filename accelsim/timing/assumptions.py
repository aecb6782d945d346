"""What the timing model leaves out; reports show it beside the numbers."""

SERIAL_ASSUMPTION = (
    "Operations run one after another, as issued ('operation_overlap: serial'): 'prefetch' is of no use, nor are more "
    "arrays than one, unless products are split. What stays on chip is chosen such that more room never makes the step "
    "longer, which may take longer than the best choice for this machine."
)
"""What a machine with this schedule assumes."""
ASSUMPTIONS: tuple[str, ...] = (
    "Not validated against silicon; with serial folds, full edges and one cycle a multiply-accumulate, array cycles "
    "equal SCALE-Sim 3.0.0's stall-free counts.",
    "Where tiles cut the streamed axis, the array comes back to each fold for every tile along it and pays what a fold "
    "costs besides its stream again ('revisits'), unless it goes on with the very same fold. These are no compute "
    "cycles. Where products are split over several arrays, each tile's folds are dealt out anew.",
    "An operation runs on one array, unless products are split; several arrays else only run independent products side "
    "by side. Where the step is shorter on fewer arrays, the others stay idle.",
    "Operations start in dependency order on tensors, not tiles: a unit never starts on a half-made tensor.",
    "An operation fetches nothing before its unit is free, so its first tile is exposed; with 'prefetch', only what "
    "isn't fetched beneath the last tile of the operation before it.",
    "DRAM serves one transfer at a time, of the operation that is first in priority, each striped over all channels, "
    "by closed forms of a standard's timing without queues; 'model: bandwidth' knows a bandwidth and a latency alone.",
    "Latency is charged once for the reads and once for the writes of an operation.",
    "A tile's loads are one transfer, and an operation's own transfers follow a fixed order.",
    "The halo that neighbouring tiles of a convolution share is not counted.",
    "A convolution whose stride leaves pixels out reads the DRAM bursts that hold the others, each row of pixels from "
    "a burst's beginning, and keeps what they bring; from on-chip memories it reads the pixels alone.",
    "The groups of a convolution run one after the other, and what a group moves counts as lying together in DRAM.",
    "So do the heads of attention. Causal attention multiplies whole squares of scores, and its softmax takes lane "
    "steps for the columns that are masked too; softmax takes one pass over what it reads.",
    "Zero points are subtracted as operands enter the array, at no cost in cycles; multipliers are not charged as a "
    "bit wider.",
    "Tensors stay on chip in the resident share of the buffers, then of each level outwards; where all overflow, rules "
    "that are tried say which go to DRAM. This is decided in issue order, though operations of different units may run "
    "in another order; where the step then waits for room, other orders and fewer residents are tried.",
    "Every operation is a pass of its own over its tensors, but for those that are applied as the results of the one "
    "before them drain: conversions whose scale is known ahead, and the hwconfig's 'fused_epilogues'. A conversion by "
    "the tensor's own range can't be: the range is known only when the last element is.",
    "A conversion reads its tensor once, as whoever made it found its range on the way: of weights the update before, "
    "of images the host. No pass over them is charged for it.",
    "Range batch norm reads its input twice for the mean and the range, in two passes, though one unit could find both "
    "in one.",
    "Lanes that work in a drain don't compete with operations of their own unit, and what streams in for them takes no "
    "room in the buffers of a product.",
    "A tensor on chip is read in place, whichever buffer port its reader uses.",
    "Ports of buffers and levels limit one operation at a time; operations that run side by side don't compete for "
    "them, nor for the room that a buffer or a level has for operands at work: together these may exceed it.",
    "Everything that is fetched or stored passes all levels on its way; a level holds what a product sweeps again, not "
    "what different operations or parts of one read again.",
    "Lane units finish one element step per lane and cycle, with no pipeline fill; random bits are made beside them in "
    "no time.",
    "Tiles are chosen for an operation that has DRAM to itself.",
    "The host, the interconnect, instruction issue and data set input are not modelled.",
)
