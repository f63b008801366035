#include "observe/statistics.h"

#include <fmt/format.h>

#include "event/names.h"
#include "event/wire.h"

namespace tc::observe {
namespace {

constexpr double kSecond = 1e9;

}  // namespace

std::string describe_statistics(const Pipeline& pipeline, const probe::Observer& observer,
                                const Elapsed& elapsed) {
  const double wall = static_cast<double>(elapsed.wall_ns) / kSecond;
  const double own = static_cast<double>(elapsed.own_cpu_ns) / kSecond;
  std::string text = fmt::format("tc: observed for {:.3f} s\n", wall);
  for (std::uint32_t type = 0; type < TC_EVENT_ID_LIMIT; ++type)
    if (event::is_evidence(type) && pipeline.written(type) > 0)
      text += fmt::format("  {:<16} {:>12}\n", event::event_name(type), pipeline.written(type));
  if (pipeline.losses().empty()) text += fmt::format("  {:<16} {:>12}\n", "lost", 0);
  for (const auto& [key, count] : pipeline.losses())
    text +=
        fmt::format("  lost {:<18} {:>5}  {}\n", event::event_name(key.first), count,
                    event::name_of(event::names_of(tc_loss_reason{}), key.second).value_or("?"));

  const std::vector<probe::ProgramCost> costs = observer.costs();
  double total = 0;
  for (const probe::ProgramCost& cost : costs) total += static_cast<double>(cost.nanoseconds);
  text += fmt::format(
      "  cost: {:.3f} s in eBPF programs, {:.3f} s in tc ({:.2f} % of one CPU together)\n",
      total / kSecond, own, wall > 0 ? 100 * (total / kSecond + own) / wall : 0.0);
  for (const probe::ProgramCost& cost : costs)
    text += fmt::format("    {:<28} {:>10} runs {:>7.0f} ns each\n", cost.name, cost.runs,
                        static_cast<double>(cost.nanoseconds) / static_cast<double>(cost.runs));
  return text;
}

}  // namespace tc::observe
