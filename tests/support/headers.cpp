// Only there to have the headers that all tests share precompiled.
