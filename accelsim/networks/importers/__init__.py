"""Files of other tools, read as hwconfigs and topologies."""
