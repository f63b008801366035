// The handlers of calls whose facts take more than a form: one function a family of calls.
#pragma once

#include "behaviour/call_facts.h"

namespace tc::behaviour {

void tell_open(const CallContext& context);
void tell_list(const CallContext& context);
void tell_symlink(const CallContext& context);
void tell_unlinkat(const CallContext& context);
void tell_exec(const CallContext& context);
void tell_write(const CallContext& context);
void tell_mapping(const CallContext& context);
void tell_protection(const CallContext& context);
void tell_clone(const CallContext& context);
void tell_prctl(const CallContext& context);
void tell_personality(const CallContext& context);
void tell_limit(const CallContext& context);
void tell_ioctl(const CallContext& context);

void tell_socket(const CallContext& context);
void tell_connect(const CallContext& context);
void tell_bind(const CallContext& context);
void tell_listen(const CallContext& context);
void tell_accept(const CallContext& context);
void tell_send(const CallContext& context);

}  // namespace tc::behaviour
