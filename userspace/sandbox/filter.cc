#include "sandbox/filter.h"

#include <errno.h>
#include <linux/seccomp.h>

#include "sys/table.h"

namespace tc::sandbox {

sys::FilterProgram sandbox_filter(bool all_stop) {
  return sys::compile_filter({.foreign = SECCOMP_RET_ERRNO | ENOSYS,
                              .unknown = SECCOMP_RET_TRACE,
                              .of = [all_stop](std::uint32_t number) -> std::uint32_t {
                                const sys::Row* const row = sys::find_row(number);
                                const bool passes =
                                    row != nullptr && row->policy == sys::Policy::Pass;
                                return passes && !all_stop ? SECCOMP_RET_ALLOW : SECCOMP_RET_TRACE;
                              }});
}

}  // namespace tc::sandbox
