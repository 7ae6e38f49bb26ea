"""Behind a refused login: where Microsoft Entra decides, its token endpoint says why."""
