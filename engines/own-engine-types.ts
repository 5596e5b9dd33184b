/** The engine types that Tenon brings; what `governance.enginePrograms` lists comes beside them. */
export const ownEngineTypes: readonly string[] = ['shell', 'python', 'jdbc'];
