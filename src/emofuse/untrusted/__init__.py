"""Files that strangers wrote: JSON and YAML within bounds, folders that nothing leads out of."""
