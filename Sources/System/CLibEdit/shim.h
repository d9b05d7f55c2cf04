#pragma once
#include <histedit.h>
#include <stddef.h>
#include <stdio.h>

// `el_set` and `history` are variadic, which Swift does not import.

/// An editor that reads from standard input and writes to standard error. The streams of the C
/// library are variables, which Swift does not allow to be used.
static inline EditLine *clibedit_make(const char *program) {
  return el_init(program, stdin, stderr, stderr);
}

static inline char *clibedit_prompt(EditLine *editor) {
  void *prompt = NULL;
  el_get(editor, EL_CLIENTDATA, &prompt);
  return (char *)prompt;
}

/// The prompt is not copied.
static inline void clibedit_set_prompt(EditLine *editor, const char *prompt) {
  el_set(editor, EL_CLIENTDATA, (void *)prompt);
  el_set(editor, EL_PROMPT, clibedit_prompt);
}

static inline void clibedit_set_reader(EditLine *editor, int (*reader)(EditLine *, wchar_t *)) {
  el_set(editor, EL_GETCFN, reader);
}

/// From here on, characters arrive as they are typed.
static inline void clibedit_take_terminal(EditLine *editor) { el_set(editor, EL_PREP_TERM, 1); }

/// Emacs key bindings, and a search in the history.
static inline void clibedit_set_keys(EditLine *editor) {
  el_set(editor, EL_EDITOR, "emacs");
  el_set(editor, EL_BIND, "^R", "em-inc-search-prev", NULL);
}

static inline void clibedit_set_history(EditLine *editor, History *lines, int size) {
  HistEvent event;
  history(lines, &event, H_SETSIZE, size);
  history(lines, &event, H_SETUNIQUE, 1);
  el_set(editor, EL_HIST, history, lines);
}

static inline void clibedit_add(History *lines, const char *line) {
  HistEvent event;
  history(lines, &event, H_ENTER, line);
}
