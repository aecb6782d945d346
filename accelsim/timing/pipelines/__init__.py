"""Operations at work together, load, work and store overlapped, on one DRAM channel."""
