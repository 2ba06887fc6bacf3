#!/bin/sh
# A worker for a pool with hold = "app": makes ready, says so, waits for its release, works once, exits.
# Needs nothing but a shell; the program that does the talking is in every worker's container.
set -eu

# What takes long goes here: while the worker is held it costs nobody time.
greeting="hello"

# Waits for as long as it takes; prints the variables of the release as `export` lines.
release=$("${MAYFLY_GATE%.sock}" --ready)
eval "$release"

# The work. MAYFLY_SLOT and whatever else came with the release are in the environment now.
echo "$greeting from slot ${MAYFLY_SLOT:-?}"
