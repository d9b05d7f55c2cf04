/// Replaces the OpenBLAS function that reads OPENBLAS_NUM_THREADS when the library is loaded, so
/// that OpenBLAS starts no threads.
///
/// None of them would be used. Each would take memory, and if the system refused to start one,
/// OpenBLAS would end the process with a signal before `main`. Definitions in an executable take
/// precedence over those in its libraries.
int openblas_num_threads_env(void);
int openblas_num_threads_env(void) { return 1; }
