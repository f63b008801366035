#include "determinism/proc_files.h"
