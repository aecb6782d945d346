"""What the timing model leaves out; reports show it beside the numbers."""

ASSUMPTIONS: tuple[str, ...] = (
    "Not validated against silicon; array cycles equal SCALE-Sim 3.0.0's stall-free counts.",
    "A fold at the edge costs a full array, folds don't overlap, and compute cycles don't depend on the tiling.",
    "An operation runs on one array; several arrays only run independent products side by side.",
    "Operations start in dependency order on tensors, not tiles: a unit never starts on a half-made tensor.",
    "An operation fetches nothing before its unit is free, so the first tile of each operation is exposed.",
    "DRAM serves transfers first come, first served, each striped over all channels, by closed forms of a standard's "
    "timing without queues; 'model: bandwidth' knows a bandwidth and a latency alone.",
    "Latency is charged once for the reads and once for the writes of an operation.",
    "SRAM tiles follow a stated rule of thumb, not a search for the best mapping.",
    "The halo that neighbouring tiles of a convolution share is not counted.",
    "Tensors stay on chip in the resident share of the buffers; where it overflows, the tensor needed last goes to "
    "DRAM. This is decided in issue order, though operations of different units may run in another order.",
    "Every operation is a pass of its own over its tensors: none is fused into the drain of the one before it.",
    "A tensor on chip is read in place, whichever buffer port its reader uses.",
    "Buffer ports limit one operation at a time; operations that run side by side don't compete for them.",
    "Lane units finish one element step per lane and cycle, with no pipeline fill.",
    "An operation is simulated in at most 64 equal steps.",
    "The host, the interconnect, instruction issue and data set input are not modelled.",
)
