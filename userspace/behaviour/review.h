// Review: a proposal gone through change by change with somebody who decides. Knows no terminal:
// questions go out and answers come in through two functions.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "behaviour/baseline.h"

namespace tc::behaviour {

struct ReviewTalk {
  std::function<void(const std::string& text)> say;
  // The answer, without its line feed; nothing when there will be no more.
  std::function<std::optional<std::string>()> listen;
};

struct ReviewOutcome {
  std::size_t accepted = 0;
  std::size_t rejected = 0;
  std::size_t left = 0;  // skipped, or not come to
};

// Accepted changes are made in `baseline`, rejected ones taken back in `proposed`.
ReviewOutcome review(Baseline& baseline, Baseline& proposed, const ReviewTalk& talk);

}  // namespace tc::behaviour
