/* SPDX-License-Identifier: ISC */
/* A C library as it is: Lua, unmodified, runs a script from an embedded file, with its own file
 * access (fopen) where the image has it. Keeps our libc honest. main returns 0 if the script says
 * that all went well. */
#include <fata/fata.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>

int main(void)
{
    const fa_file *script = fa_file_find("/test.lua");
    if (script == NULL) {
        printf("not ok - the script is embedded\n");
        return 1;
    }
    lua_State *lua = luaL_newstate();
    if (lua == NULL) {
        printf("not ok - Lua has memory\n");
        return 1;
    }
    luaL_openlibs(lua);
    int status = luaL_loadbuffer(lua, (const char *)script->bytes, script->len, "@/test.lua");
    if (status == LUA_OK)
        status = lua_pcall(lua, 0, 1, 0);
    if (status != LUA_OK)
        printf("not ok - %s\n", lua_tostring(lua, -1));
    const bool passed = status == LUA_OK && lua_toboolean(lua, -1);
    lua_close(lua);
    return passed ? 0 : 1;
}
