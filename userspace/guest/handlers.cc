#include "guest/handlers.h"

namespace tc::guest {

std::optional<Handler> Handlers::handle(std::uint64_t number, const sys::Registers& registers,
                                        Guest& guest) const {
  const auto found = handlers_.find(number);
  if (found == handlers_.end()) return std::nullopt;
  return found->second(registers, guest);
}

sys::CallSelection Handlers::calls() const {
  sys::CallSelection calls;
  for (const auto& [number, handle] : handlers_) calls.add(number);
  return calls;
}

}  // namespace tc::guest
