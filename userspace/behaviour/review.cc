#include "behaviour/review.h"

#include <fmt/format.h>

#include "behaviour/report_formats.h"

namespace tc::behaviour {
namespace {

constexpr const char* kHelp =
    "  a  accept: the baseline will have it so\n"
    "  r  reject: forget the change; the next check finds it again\n"
    "  s  skip: leave it for later\n"
    "  e  evidence: show the record behind it\n"
    "  q  quit: leave this and all others for later\n";

enum class Answer { kAccept, kReject, kSkip, kQuit };

Answer ask(const Change& change, std::size_t number, std::size_t count, const ReviewTalk& talk) {
  std::string extra = change.runs.empty() ? "" : "  " + change.runs;
  if (!change.folded.empty())
    extra += fmt::format("  (and {} more by what it runs)", change.folded.size());
  talk.say(fmt::format("\n[{} of {}] {}  [{} risk]{}\n", number, count, change_text(change),
                       risk_name(change.fact.risk), extra));
  for (;;) {
    talk.say("accept, reject, skip, evidence, quit (a/r/s/e/q)? ");
    const std::optional<std::string> answer = talk.listen();
    if (!answer || *answer == "q") return Answer::kQuit;
    if (*answer == "a") return Answer::kAccept;
    if (*answer == "r") return Answer::kReject;
    if (*answer == "s") return Answer::kSkip;
    if (*answer == "e") {
      talk.say(change.fact.record.empty() ? "  there is no record of it\n"
                                          : "  " + printable(change.fact.record) + "\n");
      for (const Fact& fact : change.folded)
        talk.say(fmt::format("  with {} by {}\n", printable(fact.text()), printable(fact.subject)));
    } else {
      talk.say(kHelp);
    }
  }
}

}  // namespace

ReviewOutcome review(Baseline& baseline, Baseline& proposed, const ReviewTalk& talk) {
  ReviewOutcome outcome;
  const std::vector<Change> changes = changes_between(baseline, proposed);
  std::size_t number = 0;
  for (const Change& change : changes) {
    switch (ask(change, ++number, changes.size(), talk)) {
      case Answer::kAccept:
        apply_change(change, proposed, baseline);
        ++outcome.accepted;
        break;
      case Answer::kReject:
        reject_change(change, baseline, proposed);
        ++outcome.rejected;
        break;
      case Answer::kSkip:
        ++outcome.left;
        break;
      case Answer::kQuit:
        outcome.left += changes.size() - number + 1;
        return outcome;
    }
  }
  return outcome;
}

}  // namespace tc::behaviour
