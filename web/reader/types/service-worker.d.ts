/** No exports: importing it makes a service worker show a pack. See `rangepack/mount`. */
export {};
