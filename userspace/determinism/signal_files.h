// Signal descriptors (signalfd(2)). Each read or poll of one asks for the signals of whoever asks:
// polled by a descriptor of our own it would tell of our signals, not of the guest's. So a wait for
// one is a wait for signals (guest::Wait::accepted_signals), and never a poll(2) of ours.
#pragma once

#include <cstdint>
#include <optional>

#include "determinism/tracee.h"

namespace tc::determinism {

// The signals that the guest's descriptor accepts, bit N-1 for signal N; nothing when it is no
// signal descriptor, or not open. The value goes into Wait::accepted_signals as it is.
std::optional<std::uint64_t> signalfd_mask(Tracee& guest, int fd);

// Of these the signals that are pending for the guest's thread or its process, blocked or not:
// what a read of a signal descriptor with this mask would find. Nothing (0) when it cannot be told.
std::uint64_t pending_signals(Tracee& guest, std::uint64_t among);

}  // namespace tc::determinism
