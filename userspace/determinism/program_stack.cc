#include "determinism/program_stack.h"
