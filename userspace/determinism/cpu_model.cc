#include "determinism/cpu_model.h"
