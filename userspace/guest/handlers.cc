#include "guest/handlers.h"

namespace tc::guest {

std::optional<Handler> Handlers::handle(std::uint64_t number, const sys::Registers& registers,
                                        Guest& guest) const {
  if (!has(number)) return std::nullopt;
  return handlers_[number](registers, guest);
}

sys::CallSelection Handlers::calls() const {
  sys::CallSelection calls;
  for (std::uint32_t number = 0; number < handlers_.size(); ++number)
    if (has(number)) calls.add(number);
  return calls;
}

}  // namespace tc::guest
