/** Modules whose coverage guides the search. */
export const PARSER_MODULES =
  /\/src\/(fs\/verity\/(?!testing)|fs\/sealed\/(l1-keys\/(header|pointer)|l3-tree\/node|l4-store\/superblock|l5-files\/(inode-record|names))|image\/inspect|tee\/tpm\/chain\.)/;
