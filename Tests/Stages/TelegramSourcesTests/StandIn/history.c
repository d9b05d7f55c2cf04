#define _GNU_SOURCE
#include "standin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The channel: its messages follow from their numbers, so that the tests can tell what is right.
//
// Numbers that leave 13 when divided by 97 are deleted; 1 and 2 and those that end in 00 are service
// messages; 333 is not supported. See `StandInChannel` in the tests for the others.
static const long long channel_bare = 1006503122;
static const long long private_bare = 2000000001;
static const long long chat_base = -1000000000000;
static const int shift = 20;


static long long chat_of(long long bare) { return chat_base - bare; }

static bool is_met(long long bare) {
  char path[4200], line[32];
  bool found = false;
  snprintf(path, sizeof path, "%s/chats", folder);
  FILE *file = fopen(path, "r");
  while (file != NULL && fgets(line, sizeof line, file) != NULL) found |= atoll(line) == bare;
  if (file != NULL) fclose(file);
  return found;
}

static void meet(long long bare) {
  char path[4200];
  if (is_met(bare)) return;
  snprintf(path, sizeof path, "%s/chats", folder);
  FILE *file = fopen(path, "a");
  if (file == NULL) abort();
  fprintf(file, "%lld\n", bare);
  fclose(file);
}

static long long newest(void) { return (long long)scenario_number("posts", 1000); }
static bool is_deleted(long long n) { return n % 97 == 13; }

// MARK: - Messages

static void add_text(text *out, const char *string, const char *entities) {
  text_add(out, "{\"@type\":\"formattedText\",\"text\":");
  text_quote(out, string);
  text_add(out, ",\"entities\":[%s]}", entities);
}

static void add_content(text *out, long long n) {
  const char *given = scenario_item("content", n);
  char string[256];
  if (given != NULL) {
    // Written again, so that it is escaped as the rest.
    json *value = json_parse(given);
    char *written = json_write(value);
    text_add(out, "%s", written);
    free(written);
    json_free(value);
  } else if (n == 1) {
    text_add(out, "{\"@type\":\"messageSupergroupChatCreate\",\"title\":\"x\"}");
  } else if (n == 2) {
    text_add(out, "{\"@type\":\"messageChatChangePhoto\",\"photo\":null}");
  } else if (n % 100 == 0) {
    text_add(out, "{\"@type\":\"messagePinMessage\",\"message_id\":%lld}", (n - 1) << shift);
  } else if (n == 333) {
    text_add(out, "{\"@type\":\"messageUnsupported\"}");
  } else if (n % 10 == 1) {
    snprintf(string, sizeof string, "ПОДПИСЬ %lld", n);
    text_add(out, "{\"@type\":\"messagePhoto\",\"photo\":{\"@type\":\"photo\"},\"caption\":");
    add_text(out, string, "");
    text_add(out, "}");
  } else if (n % 10 == 2) {
    text_add(out, "{\"@type\":\"messageSticker\",\"sticker\":{\"@type\":\"sticker\"}}");
  } else {
    snprintf(string, sizeof string, "🔥 БУГУРТ %lld\n@\nСТРОКА", n);
    text_add(out, "{\"@type\":\"messageText\",\"text\":");
    add_text(out, string,
             n % 5 == 0 ? "{\"@type\":\"textEntity\",\"offset\":3,\"length\":6,\"type\":{\"@type\":"
                          "\"textEntityTypeTextUrl\",\"url\":\"https://example.org/\"}}"
                        : "");
    text_add(out, ",\"link_preview\":null}");
  }
}

static void add_interaction(text *out, long long n) {
  if (n % 11 == 0) return text_add(out, "null");
  text_add(out, "{\"@type\":\"messageInteractionInfo\",\"view_count\":%lld,\"forward_count\":0,"
           "\"reply_info\":null,\"reactions\":", n * 10);
  if (n % 3 == 0) {
    text_add(out, "{\"@type\":\"messageReactions\",\"reactions\":[{\"@type\":\"messageReaction\","
             "\"type\":{\"@type\":\"reactionTypeEmoji\",\"emoji\":\"\\ud83d\\udc4d\"},"
             "\"total_count\":%lld},{\"@type\":\"messageReaction\",\"type\":{\"@type\":"
             "\"reactionTypeCustomEmoji\",\"custom_emoji_id\":\"5368324170671202286\"},"
             "\"total_count\":1}]}}", n);
  } else {
    text_add(out, "null}");
  }
}

static void add_forward(text *out, long long n) {
  switch (n % 20) {
  case 4:
    text_add(out, "{\"@type\":\"messageForwardInfo\",\"origin\":{\"@type\":"
             "\"messageOriginChannel\",\"chat_id\":-1000000000777,\"message_id\":1048576}}");
    break;
  case 5:
    text_add(out, "{\"@type\":\"messageForwardInfo\",\"origin\":{\"@type\":"
             "\"messageOriginHiddenUser\",\"sender_name\":\"Hidden\"}}");
    break;
  case 6:
    text_add(out, "{\"@type\":\"messageForwardInfo\",\"origin\":{\"@type\":"
             "\"messageOriginUser\",\"sender_user_id\":88}}");
    break;
  default: text_add(out, "null");
  }
}

static void add_message(text *out, long long n) {
  long long chat = chat_of(channel_bare);
  text_add(out, "{\"@type\":\"message\",\"id\":%lld,\"sender_id\":{\"@type\":"
           "\"messageSenderChat\",\"chat_id\":%lld},\"chat_id\":%lld,\"is_channel_post\":true,"
           "\"date\":%lld,\"edit_date\":%lld,\"forward_info\":",
           n << shift, chat, chat, 1500000000 + n * 3600, n % 7 == 0 ? 1500000060 + n * 3600 : 0);
  add_forward(out, n);
  text_add(out, ",\"interaction_info\":");
  add_interaction(out, n);
  text_add(out, ",\"reply_to\":");
  if (n % 20 == 7 || n % 20 == 8) {
    text_add(out, "{\"@type\":\"messageReplyToMessage\",\"chat_id\":%lld,\"message_id\":%lld}",
             n % 20 == 7 ? chat : chat - 1, (n - 1) << shift);
  } else {
    text_add(out, "null");
  }
  text_add(out, ",\"media_album_id\":\"0\",\"author_signature\":\"\",\"content\":");
  add_content(out, n);
  text_add(out, "}");
}

// How many messages the page of this number has: `pages 1 50 100`, the last one again and again.
static long long page_size(int number) {
  const char *sizes = scenario_value("pages", "1 50 100");
  long long size = 100;
  for (int i = 0; i < number; i++) {
    char *end;
    long long next = strtoll(sizes, &end, 10);
    if (end == sizes) break;
    size = next;
    sizes = end;
  }
  return size;
}

static void history(const json *request) {
  static int count;
  static int of_client;
  if (of_client != client) count = 0;
  of_client = client;
  long long from = json_integer(request, "from_message_id");
  long long limit = json_integer(request, "limit");
  long long offset = json_integer(request, "offset");
  if (json_integer(request, "chat_id") != chat_of(channel_bare))
    return answer_error(request, 400, "Chat not found");
  if (limit <= 0) return answer_error(request, 400, "Parameter limit must be positive");
  if (offset > 0) return answer_error(request, 400, "Parameter offset must be non-positive");
  if (offset != 0) return answer_error(request, 400, "the stand-in has no offsets");
  long long most = page_size(++count);
  if (most > limit) most = limit;
  // The names come before the messages that need them.
  emit(0, "{\"@type\":\"updateNewChat\",\"chat\":{\"@type\":\"chat\",\"id\":-1000000000777,"
       "\"title\":\"\\u0418\\u0441\\u0442\\u043e\\u0447\\u043d\\u0438\\u043a\"}}");
  emit(0, "{\"@type\":\"updateUser\",\"user\":{\"@type\":\"user\",\"id\":88,\"first_name\":"
       "\"Кот\",\"last_name\":\"Учёный\"}}");
  text out = {0};
  text_add(&out, "{\"@type\":\"messages\",\"total_count\":0,\"messages\":[");
  long long given = 0;
  if (from == 0 && scenario_number("local-message", 0) != 0) {
    // One that was not sent yet has a number between two.
    text_add(&out, "{\"@type\":\"message\",\"id\":%lld,\"chat_id\":%lld,\"date\":1,\"content\":"
             "{\"@type\":\"messageText\"}}", (newest() << shift) + 5, chat_of(channel_bare));
    given = 1;
  }
  for (long long n = newest(); n > 0 && given < most; n--) {
    if (is_deleted(n) || (from != 0 && n << shift >= from)) continue;
    if (given++ > 0) text_add(&out, ",");
    add_message(&out, n);
  }
  text_add(&out, "]}");
  answer(request, 0, out.bytes);
  emit(0, "{\"@type\":\"updateUserStatus\",\"user_id\":88,\"status\":{\"@type\":"
       "\"userStatusOnline\",\"expires\":1}}");
  free(out.bytes);
}

// MARK: - Chats

static void answer_chat(const json *request, long long bare, const char *title, bool is_channel) {
  text out = {0};
  text_add(&out, "{\"@type\":\"chat\",\"id\":%lld,\"type\":{\"@type\":\"chatTypeSupergroup\","
           "\"supergroup_id\":%lld,\"is_channel\":%s},\"title\":", chat_of(bare), bare,
           is_channel ? "true" : "false");
  text_quote(&out, title);
  text_add(&out, ",\"last_message\":null,\"has_protected_content\":false}");
  meet(bare);
  answer(request, 0, out.bytes);
  free(out.bytes);
}

static void answer_met(const json *request, long long bare) {
  if (!is_met(bare)) return answer_error(request, 400, "Chat not found");
  answer_chat(request, bare, bare == channel_bare ? "БУГУРТ-ТРЕД" : "Тайный", true);
}

static void search(const json *request) {
  const char *name = json_text(request, "username");
  if (*name == '@') name++;
  if (strcasecmp(name, scenario_value("name", "bugurtthread")) == 0)
    return answer_chat(request, channel_bare, "БУГУРТ-ТРЕД", true);
  if (strcasecmp(name, "a_group") == 0) return answer_chat(request, 5, "Группа", false);
  if (strcasecmp(name, "somebody") == 0)
    return answer(request, 0, "{\"@type\":\"chat\",\"id\":88,\"type\":{\"@type\":"
                  "\"chatTypePrivate\",\"user_id\":88},\"title\":\"x\"}");
  if (strlen(name) < 4) return answer_error(request, 400, "USERNAME_INVALID");
  answer_error(request, 400, "USERNAME_NOT_OCCUPIED");
}

bool history_handle(const char *method, const json *request) {
  static int loaded;
  if (strcmp(method, "getChatHistory") == 0) {
    history(request);
  } else if (strcmp(method, "searchPublicChat") == 0) {
    search(request);
  } else if (strcmp(method, "createSupergroupChat") == 0) {
    answer_met(request, json_integer(request, "supergroup_id"));
  } else if (strcmp(method, "getChat") == 0) {
    answer_met(request, chat_base - json_integer(request, "chat_id"));
  } else if (strcmp(method, "getSupergroup") == 0) {
    text out = {0};
    text_add(&out, "{\"@type\":\"supergroup\",\"usernames\":{\"@type\":\"usernames\","
             "\"active_usernames\":[");
    text_quote(&out, scenario_value("name", "bugurtthread"));
    text_add(&out, "]}}");
    answer(request, 0, out.bytes);
    free(out.bytes);
  } else if (strcmp(method, "loadChats") == 0) {
    // The account is in one channel without a name, which comes with the second load.
    if (++loaded == 2) meet(private_bare);
    if (loaded <= 2) answer_ok(request);
    else answer_error(request, 404, "Not Found");
  } else if (strcmp(method, "getFullRichMessage") == 0) {
    answer(request, 0, "{\"@type\":\"richMessage\",\"is_full\":true,\"blocks\":[{\"@type\":"
           "\"pageBlockParagraph\",\"text\":{\"@type\":\"richTextPlain\",\"text\":\"whole\"}}]}");
  } else {
    return false;
  }
  return true;
}
