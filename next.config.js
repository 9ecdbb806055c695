// How Next.js builds and serves the pages; types are checked by `npm run check`, with the compiler that the rest uses.
/** @type {import('next').NextConfig} */
export default {
  poweredByHeader: false,
  reactStrictMode: true,
  typescript: { ignoreBuildErrors: true },
  serverExternalPackages: ['pg', 'pino', '@prisma/client', '@prisma/adapter-pg', 'pg-boss'],
}
