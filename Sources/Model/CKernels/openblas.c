/// Replaces the function of OpenBLAS that reads OPENBLAS_NUM_THREADS when the library is loaded, so
/// that it starts no threads.
///
/// None of them would be used. Each would take memory, and if the system refused one, OpenBLAS would
/// end the process by a signal before `main`. Definitions of an executable take precedence over those
/// of its libraries.
int openblas_num_threads_env(void);
int openblas_num_threads_env(void) { return 1; }
